mod next;
