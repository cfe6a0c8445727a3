"""The problems of the programs in tests/programs/natural, solved in ordinary Python."""
