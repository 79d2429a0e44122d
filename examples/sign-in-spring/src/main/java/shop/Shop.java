package shop;

import static java.util.stream.Collectors.joining;
import static org.springframework.web.util.HtmlUtils.htmlEscape;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.client.OAuth2AuthorizeRequest;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientManager;
import org.springframework.security.oauth2.core.OAuth2AuthorizationException;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.web.authentication.logout.SecurityContextLogoutHandler;
import org.springframework.security.web.csrf.CsrfToken;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.view.RedirectView;

/** An example web app whose users sign in with Signet. This class has the pages of the app; {@link Security} talks to the issuer. */
@SpringBootApplication
@RestController
class Shop {
    private static final String SIGN_IN_LINK = "<p><a href=\"/sign-in\">Sign in</a></p>";

    private final OAuth2AuthorizedClientManager clients;

    Shop(OAuth2AuthorizedClientManager clients) {
        this.clients = clients;
    }

    @GetMapping(path = "/", produces = MediaType.TEXT_HTML_VALUE)
    String home(@AuthenticationPrincipal OidcUser person, CsrfToken csrf) {
        if (person == null) {
            return page(SIGN_IN_LINK);
        }
        return page("""
            <p>Signed in as <strong id="name">%s</strong>, <span id="email">%s</span></p>
            <form method="post"><input type="hidden" name="%s" value="%s">
            <button formaction="/refresh">Refresh</button> <button formaction="/sign-out">Sign out</button></form>"""
            .formatted(text(person.getFullName()), text(person.getEmail()), csrf.getParameterName(), csrf.getToken()));
    }

    @GetMapping("/sign-in")
    RedirectView signIn() {
        return new RedirectView("/oauth2/authorization/signet");
    }

    /** Only people with the role `clerk` reach this page; {@link Security} says so. */
    @GetMapping(path = "/stock", produces = MediaType.TEXT_HTML_VALUE)
    String stock(Authentication person) {
        var authorities = person.getAuthorities().stream().map(GrantedAuthority::getAuthority).sorted().collect(joining(" "));
        return page("<p>There are 12 pots of tea. You have: <span id=\"authorities\">" + text(authorities) + "</span></p>");
    }

    /** Spring Security also reads the ID token and UserInfo again, and changes the user in the session. */
    @PostMapping("/refresh")
    RedirectView refresh(Authentication person, HttpServletRequest request, HttpServletResponse response) {
        clients.authorize(OAuth2AuthorizeRequest.withClientRegistrationId("signet")
            .principal(person)
            .attribute(HttpServletRequest.class.getName(), request)
            .attribute(HttpServletResponse.class.getName(), response)
            .build());
        return new RedirectView("/");
    }

    @ExceptionHandler
    ResponseEntity<String> refused(OAuth2AuthorizationException refused, HttpServletRequest request, HttpServletResponse response) {
        var code = refused.getError().getErrorCode();
        if (code.equals("invalid_grant")) {
            // The refresh token is no longer valid, because the issuer has ended the session. So end it here too.
            new SecurityContextLogoutHandler().logout(request, response, null);
        }
        return ResponseEntity.badRequest().contentType(MediaType.TEXT_HTML).body(failed(code));
    }

    static String failed(String code) {
        return page("<p>It did not work: <strong id=\"error\">" + text(code) + "</strong></p>" + SIGN_IN_LINK);
    }

    private static String page(String content) {
        return "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Shop</title><h1>Shop</h1>" + content;
    }

    private static String text(String value) {
        return value == null ? "" : htmlEscape(value);
    }

    public static void main(String[] args) {
        SpringApplication.run(Shop.class, args);
    }
}
