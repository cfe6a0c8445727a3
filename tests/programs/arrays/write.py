#!/usr/bin/env python3
"""Writes the programs of the array families, `returns/<family>.nba` and `traps/<family>.nba`,
with the answers of NumPy 2.4, SciPy 1.17, mpmath 1.4, OpenSSL 3 and published vectors. Each module here is one or two families.

    pip install numpy==2.4.* scipy==1.17.* mpmath==1.4.* cryptography==50.* cryptography_vectors
    python3 tests/programs/arrays/write.py
"""
import os
import runpy
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
np.seterr(all="ignore")
for name in sorted(os.listdir(HERE)):
    if name.endswith(".py") and name not in ("program.py", "write.py"):
        runpy.run_path(os.path.join(HERE, name))
