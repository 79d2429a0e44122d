mod cookie;
