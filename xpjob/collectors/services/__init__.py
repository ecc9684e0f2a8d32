"""The services collector: headless Services of single pods, and what is wrong with them."""
