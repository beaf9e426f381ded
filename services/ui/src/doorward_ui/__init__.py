"""The parts that Doorward's own pages are built from.

| module | what it is |
|---|---|
| `pages` | renders templates: every page of a service comes from one `Pages` |
| `texts` | the words of pages, by language; a team's own come first |
| `theme` | a team's stylesheet, logo and texts |
| `assets` | static files under names with a hash, which browsers keep for good |
| `policy` | the Content-Security-Policy and the other headers of a page |
| `form_protection` | tells forms of our pages from those of other sites |
| `cookies` | names and attributes of cookies |
| `languages` | which language a browser gets |
| `times` | times to read |

The package knows no service. A service has templates and texts of its own.
"""
