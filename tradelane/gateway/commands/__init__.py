"""What each command of the command line does; ``cli.py`` only names them and their options."""
