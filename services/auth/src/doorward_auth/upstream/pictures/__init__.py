"""The pictures of users at upstreams, which become their pictures here."""
