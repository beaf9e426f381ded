"""The data of registered clients that any request may need: the origins of their pages, their resources."""
