"""Mail that anyone can ask for by naming an address: which (`address_states`), and how often (`service`)."""
