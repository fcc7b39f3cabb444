"""The commands of `holdfast`, a file for each group."""
