mod form;
mod issuer;
mod joiners;
mod pkce;
mod redirect_uri;
mod resource_identifier;
mod scope;
