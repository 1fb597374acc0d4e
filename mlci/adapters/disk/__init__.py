"""Files and folders of this machine: written whole or not at all, read without following links, digested."""
