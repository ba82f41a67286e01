"""From float to int8: methods, calibration sets, the gate that refuses what no longer tells the truth, the report."""
