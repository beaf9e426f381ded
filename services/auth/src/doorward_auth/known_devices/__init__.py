"""Devices that somebody has logged in from: what strangers do never blocks them."""
