package defaults;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.security.core.Authentication;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** A resource server without a line of security code: Spring Boot sets up the verifier from the two settings in application.properties. */
@SpringBootApplication
@RestController
public class Defaults {
    public static void main(String[] args) {
        SpringApplication.run(Defaults.class, args);
    }

    /** Answers with the subject of the token. */
    @GetMapping("/me")
    String me(Authentication who) {
        return who.getName();
    }
}
