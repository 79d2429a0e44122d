package shop;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.Set;

import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.MediaType;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.authority.SimpleGrantedAuthority;
import org.springframework.security.core.authority.mapping.GrantedAuthoritiesMapper;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.RefreshTokenOAuth2AuthorizedClientProvider;
import org.springframework.security.oauth2.client.oidc.web.logout.OidcClientInitiatedLogoutSuccessHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.web.DefaultOAuth2AuthorizationRequestResolver;
import org.springframework.security.oauth2.client.web.HttpSessionOAuth2AuthorizedClientRepository;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizationRequestCustomizers;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizedClientRepository;
import org.springframework.security.oauth2.core.OAuth2AuthenticationException;
import org.springframework.security.oauth2.core.oidc.user.OidcUserAuthority;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.authentication.AuthenticationFailureHandler;
import org.springframework.security.web.authentication.logout.LogoutHandler;
import org.springframework.util.LinkedMultiValueMap;
import org.springframework.web.client.RestClient;

/** The authorization code flow (OpenID Connect Core §3.1) with Spring Security. */
@Configuration
class Security {
    @Bean
    SecurityFilterChain filters(HttpSecurity http, ClientRegistrationRepository clients, OAuth2AuthorizedClientRepository tokens)
        throws Exception {
        // Spring Security 7 uses PKCE by default, but version 6 (Spring Boot 3) uses it only for public clients.
        var requests = new DefaultOAuth2AuthorizationRequestResolver(clients, "/oauth2/authorization");
        requests.setAuthorizationRequestCustomizer(OAuth2AuthorizationRequestCustomizers.withPkce());

        var signedOut = new OidcClientInitiatedLogoutSuccessHandler(clients);
        signedOut.setPostLogoutRedirectUri("{baseUrl}/");

        return http
            .authorizeHttpRequests(paths -> paths
                .requestMatchers("/", "/sign-in", "/error").permitAll()
                .requestMatchers("/stock").hasRole("clerk")
                .anyRequest().authenticated())
            .oauth2Login(login -> login
                // Only the link begins a sign-in. Otherwise a request for /favicon.ico would begin another one, and Spring Security keeps
                // only the last.
                .loginPage("/")
                .authorizationEndpoint(endpoint -> endpoint.authorizationRequestResolver(requests))
                .failureHandler(showError()))
            .logout(logout -> logout.logoutUrl("/sign-out").addLogoutHandler(revokeRefreshToken(tokens)).logoutSuccessHandler(signedOut))
            .build();
    }

    /** Gives people an authority such as ROLE_clerk for each role in the claim `roles` of the ID token or of UserInfo. */
    @Bean
    GrantedAuthoritiesMapper authorities() {
        return given -> {
            Set<GrantedAuthority> all = new HashSet<>(given);
            for (var authority : given) {
                if (authority instanceof OidcUserAuthority person && person.getAttributes().get("roles") instanceof Collection<?> roles) {
                    roles.forEach(role -> all.add(new SimpleGrantedAuthority("ROLE_" + role)));
                }
            }
            return all;
        };
    }

    /** Keeps the tokens in the session. By default, all browsers of a user share one refresh token, and the last sign-in wins. */
    @Bean
    OAuth2AuthorizedClientRepository tokens() {
        return new HttpSessionOAuth2AuthorizedClientRepository();
    }

    /** Treats every access token as expired, so that the button refreshes at once. Without this bean, Spring refreshes expired ones. */
    @Bean
    RefreshTokenOAuth2AuthorizedClientProvider refresher() {
        var provider = new RefreshTokenOAuth2AuthorizedClientProvider();
        provider.setClockSkew(Duration.ofHours(1)); // No access token of Signet lives longer.
        return provider;
    }

    /** Shows the error code of the issuer, such as access_denied. */
    private static AuthenticationFailureHandler showError() {
        return (request, response, failure) -> {
            var code = failure instanceof OAuth2AuthenticationException refused ? refused.getError().getErrorCode() : "server_error";
            response.setStatus(400);
            response.setContentType("text/html;charset=UTF-8");
            response.getWriter().write(Shop.failed(code));
        };
    }

    /** The app asked for offline_access, so the refresh token would stay valid after the session has ended. */
    private static LogoutHandler revokeRefreshToken(OAuth2AuthorizedClientRepository tokens) {
        var http = RestClient.create();
        return (request, response, person) -> {
            OAuth2AuthorizedClient client = person == null ? null : tokens.loadAuthorizedClient("signet", person, request);
            if (client == null || client.getRefreshToken() == null) {
                return;
            }
            var registration = client.getClientRegistration();
            var form = new LinkedMultiValueMap<String, String>();
            form.add("token", client.getRefreshToken().getTokenValue());
            http.post()
                .uri(registration.getProviderDetails().getConfigurationMetadata().get("revocation_endpoint").toString())
                .headers(headers -> headers.setBasicAuth(encode(registration.getClientId()), encode(registration.getClientSecret())))
                .contentType(MediaType.APPLICATION_FORM_URLENCODED)
                .body(form)
                .retrieve()
                .toBodilessEntity();
        };
    }

    private static String encode(String value) {
        return URLEncoder.encode(value, StandardCharsets.UTF_8);
    }
}
