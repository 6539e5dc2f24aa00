"""The console script `screening`: one file a command. Options, signals and exit codes that commands share stand beside them."""
