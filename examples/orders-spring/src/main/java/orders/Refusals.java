package orders;

import java.util.ArrayList;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import org.springframework.http.HttpHeaders;
import org.springframework.security.access.AccessDeniedException;
import org.springframework.security.authentication.AuthenticationServiceException;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.oauth2.core.OAuth2AuthenticationException;
import org.springframework.security.oauth2.server.resource.BearerTokenError;
import org.springframework.security.web.AuthenticationEntryPoint;
import org.springframework.security.web.access.AccessDeniedHandler;

/**
 * Refuses requests with a challenge (RFC 6750 §3). Spring Security's own challenges name neither the realm nor the scope that a
 * request needs.
 */
record Refusals(String audience) implements AuthenticationEntryPoint, AccessDeniedHandler {
    @Override
    public void commence(HttpServletRequest request, HttpServletResponse response, AuthenticationException failure) {
        if (failure instanceof AuthenticationServiceException) {
            // The keys cannot be fetched, so nobody knows whether the token is valid.
            response.setHeader(HttpHeaders.RETRY_AFTER, "1");
            response.setStatus(HttpServletResponse.SC_SERVICE_UNAVAILABLE);
        } else if (failure instanceof OAuth2AuthenticationException refused && refused.getError() instanceof BearerTokenError error) {
            challenge(response, error.getHttpStatus().value(), error.getErrorCode(), null);
        } else {
            challenge(response, HttpServletResponse.SC_UNAUTHORIZED, null, scope(request));
        }
    }

    @Override
    public void handle(HttpServletRequest request, HttpServletResponse response, AccessDeniedException denied) {
        challenge(response, HttpServletResponse.SC_FORBIDDEN, "insufficient_scope", scope(request));
    }

    private static String scope(HttpServletRequest request) {
        return Security.ROUTES.stream()
            .filter(route -> route.requests().matches(request))
            .findFirst()
            .map(Security.Route::scope)
            .orElse(null);
    }

    private void challenge(HttpServletResponse response, int status, String error, String scope) {
        var parts = new ArrayList<String>();
        parts.add("realm=\"" + audience + '"');
        if (error != null) {
            parts.add("error=\"" + error + '"');
        }
        if (scope != null) {
            parts.add("scope=\"" + scope + '"');
        }
        response.setHeader(HttpHeaders.WWW_AUTHENTICATE, "Bearer " + String.join(", ", parts));
        response.setStatus(status);
    }
}
