"""The tickets service: what people ask of the team, and the team's answers."""
