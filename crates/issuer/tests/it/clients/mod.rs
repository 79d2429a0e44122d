mod authentication;
