"""Users as tickets knows them: profiles of the users service, snapshots of their names, deleted users."""
