"""People who live at another identity API or OpenID provider."""
