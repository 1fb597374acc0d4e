"""What model files hold that loading them would run: what was seen, and what that makes of a file."""
