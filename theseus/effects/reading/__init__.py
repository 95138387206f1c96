"""Reading: configs, job configs and saved files, from text to checked values, and back."""
