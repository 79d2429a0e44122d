package orders;

import static org.springframework.security.oauth2.core.authorization.OAuth2AuthorizationManagers.hasScope;

import java.net.MalformedURLException;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Objects;

import com.nimbusds.jose.KeySourceException;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKMatcher;
import com.nimbusds.jose.jwk.JWKSelector;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.jwk.source.RateLimitReachedException;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.DefaultResourceRetriever;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.http.HttpServletRequest;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.security.config.ObjectPostProcessor;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.oauth2.core.OAuth2AuthenticationException;
import org.springframework.security.oauth2.core.OAuth2TokenValidatorResult;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtTimestampValidator;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.oauth2.server.resource.BearerTokenErrors;
import org.springframework.security.oauth2.server.resource.web.BearerTokenResolver;
import org.springframework.security.oauth2.server.resource.web.DefaultBearerTokenResolver;
import org.springframework.security.oauth2.server.resource.web.authentication.BearerTokenAuthenticationFilter;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.authentication.AuthenticationEntryPointFailureHandler;
import org.springframework.security.web.servlet.util.matcher.PathPatternRequestMatcher;
import org.springframework.security.web.util.matcher.RequestMatcher;

/** Verifies Signet's access tokens (RFC 9068) against the issuer's cached JWKS, with Spring Security. */
@Configuration
class Security {
    private static final Duration LEEWAY = Duration.ofSeconds(30);
    private static final PathPatternRequestMatcher.Builder PATHS = PathPatternRequestMatcher.withDefaults();

    record Route(RequestMatcher requests, String scope) {}

    /** The first route that matches a request says which scope it requires. Without one, any valid token is enough. */
    static final List<Route> ROUTES = List.of(
        new Route(PATHS.matcher(HttpMethod.POST, "/orders"), "orders:write"),
        new Route(PATHS.matcher("/orders"), "orders:read"));

    @Bean
    SecurityFilterChain filters(HttpSecurity http, @Value("${audience}") String audience) throws Exception {
        var refusals = new Refusals(audience);
        return http
            .authorizeHttpRequests(requests -> {
                requests.dispatcherTypeMatchers(DispatcherType.ERROR).permitAll();
                ROUTES.forEach(route -> requests.requestMatchers(route.requests()).access(hasScope(route.scope())));
                requests.anyRequest().authenticated();
            })
            .oauth2ResourceServer(server -> server
                .jwt(jwt -> {})
                .bearerTokenResolver(onlyOneToken())
                .authenticationEntryPoint(refusals)
                .accessDeniedHandler(refusals)
                .withObjectPostProcessor(answerWithoutKeys(refusals)))
            // No request is authenticated by a cookie, so the service needs neither sessions nor protection against CSRF.
            .sessionManagement(sessions -> sessions.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
            .csrf(csrf -> csrf.disable())
            .build();
    }

    @Bean
    JwtDecoder decoder(
        @Value("${issuer}") String issuer,
        @Value("${audience}") String audience,
        @Value("${jwks.max.age}") long maxAgeSeconds
    ) throws MalformedURLException {
        // The keys are kept for the max-age of the JWKS and no longer, so that a revoked key is refused after at most that time. An
        // unknown key id makes Nimbus fetch them at once, but only twice in the time of rateLimited, because strangers can send unknown
        // key ids. After a key was revoked, the next one signs at once, so a longer time would refuse good tokens.
        var maxAge = Duration.ofSeconds(maxAgeSeconds).toMillis();
        var jwks = URI.create(issuer + "/.well-known/jwks.json").toURL();
        var keys = JWKSourceBuilder.<SecurityContext>create(jwks, new DefaultResourceRetriever(5_000, 5_000, 65_536))
            .cache(maxAge, 15_000)
            .refreshAheadCache(false)
            .rateLimited(Math.min(1_000, maxAge / 2))
            .build();
        var revocations = new Revocations(issuer);
        var decoder = NimbusJwtDecoder.withJwkSource(refusingUnknownKeys(keys, revocations)).jwsAlgorithm(SignatureAlgorithm.RS256).build();

        // Only the type distinguishes an access token from an ID token, because the same key signs both. createAtJwtValidator requires
        // the type at+jwt, which Spring Security refuses by default, and the claims of RFC 9068.
        decoder.setJwtValidator(JwtValidators.createAtJwtValidator()
            .issuer(issuer)
            .audience(audience)
            .validators(checks -> {
                checks.put("exp", new JwtClaimValidator<>("exp", Objects::nonNull));
                checks.put("exp and nbf", new JwtTimestampValidator(LEEWAY));
                checks.put("iat", new JwtClaimValidator<Instant>("iat", iat -> iat != null && !iat.isAfter(Instant.now().plus(LEEWAY))));
                checks.put("client_id", new JwtClaimValidator<>("client_id", Objects::nonNull));
                checks.put("scope", new JwtClaimValidator<>("scope", scope -> scope == null || scope instanceof String));
                // A token that is bound to a key is not a bearer token.
                checks.put("cnf", new JwtClaimValidator<>("cnf", Objects::isNull));
                checks.put("grant_id", token -> revocations.isRevoked((String) token.getHeaders().get("kid"), token.getClaimAsString("grant_id"))
                    ? OAuth2TokenValidatorResult.failure(BearerTokenErrors.invalidToken("the token is revoked"))
                    : OAuth2TokenValidatorResult.success());
            })
            .build());
        return decoder;
    }

    /**
     * Nimbus does not tell an unknown key id for which it may not fetch the keys again from an issuer that does not answer. Nor does it know
     * that keys are from before a revocation, so that they may lack the one that signs now.
     */
    private static JWKSource<SecurityContext> refusingUnknownKeys(JWKSource<SecurityContext> keys, Revocations revocations) {
        var anyKey = new JWKSelector(new JWKMatcher.Builder().build());
        return (selector, context) -> {
            List<JWK> found;
            try {
                found = keys.get(selector, context);
            } catch (RateLimitReachedException tooOften) {
                found = List.of();
            }
            // If the kept keys are still fresh, a key that is not found is unknown. Otherwise keys.get throws again.
            if (found.isEmpty() && keys.get(anyKey, context).stream().anyMatch(key -> revocations.names(key.getKeyID()))) {
                throw new KeySourceException("the keys are from before a revocation");
            }
            return found;
        };
    }

    /** Spring Security reads the first of several Authorization headers. RFC 6750 §3.1 asks to refuse them. */
    private static BearerTokenResolver onlyOneToken() {
        var resolver = new DefaultBearerTokenResolver();
        return (HttpServletRequest request) -> {
            if (Collections.list(request.getHeaders(HttpHeaders.AUTHORIZATION)).size() > 1) {
                throw new OAuth2AuthenticationException(BearerTokenErrors.invalidRequest("more than one Authorization header"));
            }
            return resolver.resolve(request);
        };
    }

    /** Without this, Spring Security answers 500 when it cannot fetch the keys. */
    private static ObjectPostProcessor<BearerTokenAuthenticationFilter> answerWithoutKeys(Refusals refusals) {
        var handler = new AuthenticationEntryPointFailureHandler(refusals);
        handler.setRethrowAuthenticationServiceException(false);
        return new ObjectPostProcessor<>() {
            @Override
            public <O extends BearerTokenAuthenticationFilter> O postProcess(O filter) {
                filter.setAuthenticationFailureHandler(handler);
                return filter;
            }
        };
    }
}
