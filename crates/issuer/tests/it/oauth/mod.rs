mod form;
mod issuer;
mod redirect_uri;
mod scope;
