mod cors;
