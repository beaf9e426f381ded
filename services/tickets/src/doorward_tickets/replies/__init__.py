"""The threads of tickets."""
