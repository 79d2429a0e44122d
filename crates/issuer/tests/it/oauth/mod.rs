mod form;
mod issuer;
mod redirect_uri;
mod resource_identifier;
mod scope;
