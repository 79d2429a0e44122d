// Shows the documentation of the API. Each flow of "Authorize" begins with the client that it is for; Swagger UI itself knows one client only.
window.onload = function () {
  const settings = {{ settings }};

  const ClientOfFlow = function () {
    return {
      wrapComponents: {
        oauth2: (Original) => class extends Original {
          constructor(props, context) {
            super(props, context);
            const client = settings.clients[props.schema.get("flow")];
            if (client) {
              this.state = { ...this.state, clientId: client };
            }
          }
        },
      },
    };
  };

  window.ui = SwaggerUIBundle({
    url: settings.document,
    dom_id: "#swagger-ui",
    deepLinking: true,
    validatorUrl: "none",
    oauth2RedirectUrl: settings.redirect,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    plugins: [SwaggerUIBundle.plugins.DownloadUrl, ClientOfFlow],
    layout: "StandaloneLayout",
  });
  window.ui.initOAuth({
    appName: "Signet",
    scopes: settings.scopes,
    usePkceWithAuthorizationCodeGrant: true,
  });
};
