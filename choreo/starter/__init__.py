"""New projects: what a person said about their work becomes a spec, contracts and the files around them."""
