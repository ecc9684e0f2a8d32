"""Documents of sources: where they lie, their formats, and what is wrong with them."""
