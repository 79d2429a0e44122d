import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import org.keycloak.common.crypto.CryptoIntegration;
import org.keycloak.credential.hash.PasswordHashProvider;
import org.keycloak.credential.hash.Pbkdf2PasswordHashProvider;
import org.keycloak.crypto.hash.Argon2PasswordHashProvider;
import org.keycloak.models.credential.PasswordCredentialModel;
import org.springframework.security.crypto.argon2.Argon2PasswordEncoder;
import org.springframework.security.crypto.bcrypt.BCryptPasswordEncoder;
import org.springframework.security.crypto.password.DelegatingPasswordEncoder;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.security.crypto.password.Pbkdf2PasswordEncoder;
import org.springframework.security.crypto.scrypt.SCryptPasswordEncoder;

/**
 * Prints one JSON line for each hash that Spring Security or Keycloak made.
 *
 * mvn -q dependency:copy-dependencies -DoutputDirectory=/tmp/lib
 * java -cp '/tmp/lib/*' MakeHashes.java > java.jsonl
 */
public class MakeHashes {
    static final String PLAIN = "correct horse battery staple";
    static final String FOREIGN = "Zoë's pässwörd 🔑";
    static final ObjectMapper JSON = new ObjectMapper();

    static void line(String tool, String password, Object hash, List<String> accepts) throws Exception {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("tool", tool);
        line.put("password", password);
        line.put("hash", hash);
        line.put("accepts", accepts);
        System.out.println(JSON.writeValueAsString(line));
    }

    static void spring(String id, PasswordEncoder encoder) throws Exception {
        PasswordEncoder delegating = new DelegatingPasswordEncoder(id, Map.of(id, encoder));
        for (String password : List.of(PLAIN, FOREIGN)) {
            String hash = delegating.encode(password);
            if (!delegating.matches(password, hash)) {
                throw new IllegalStateException(id);
            }
            line("Spring Security 6.4.2 " + id, password, hash, List.of());
        }
    }

    static void keycloak(PasswordHashProvider provider, int iterations) throws Exception {
        for (String password : List.of(PLAIN, FOREIGN)) {
            PasswordCredentialModel model = provider.encodedCredential(password, iterations);
            if (!provider.verify(password, model)) {
                throw new IllegalStateException(model.getCredentialData());
            }
            // These are the members of a credential in the file that Keycloak exports.
            Map<String, Object> credential = new LinkedHashMap<>();
            credential.put("type", model.getType());
            credential.put("secretData", model.getSecretData());
            credential.put("credentialData", model.getCredentialData());
            line("Keycloak 26.0.7", password, credential, List.of());
        }
    }

    public static void main(String[] arguments) throws Exception {
        spring("bcrypt", new BCryptPasswordEncoder());
        spring("bcrypt", new BCryptPasswordEncoder(BCryptPasswordEncoder.BCryptVersion.$2Y, 5));
        spring("pbkdf2", Pbkdf2PasswordEncoder.defaultsForSpringSecurity_v5_5());
        spring("pbkdf2@SpringSecurity_v5_8", Pbkdf2PasswordEncoder.defaultsForSpringSecurity_v5_8());
        spring("scrypt", SCryptPasswordEncoder.defaultsForSpringSecurity_v4_1());
        spring("scrypt@SpringSecurity_v5_8", SCryptPasswordEncoder.defaultsForSpringSecurity_v5_8());
        spring("argon2", Argon2PasswordEncoder.defaultsForSpringSecurity_v5_2());
        spring("argon2@SpringSecurity_v5_8", Argon2PasswordEncoder.defaultsForSpringSecurity_v5_8());
        // bcrypt reads 72 bytes, so a longer password is as good as its beginning.
        BCryptPasswordEncoder bcrypt = new BCryptPasswordEncoder(5);
        String longest = "ä long password ".repeat(4) + "1234";
        String hash = bcrypt.encode(longest);
        if (!bcrypt.matches(longest + "more", hash)) {
            throw new IllegalStateException("a longer password was refused");
        }
        line("Spring Security 6.4.2 bcrypt", longest, "{bcrypt}" + hash, List.of(longest + "more"));
        line("Spring Security 6.4.2 bcrypt", "before\0after", "{bcrypt}" + bcrypt.encode("before\0after"), List.of());

        CryptoIntegration.init(MakeHashes.class.getClassLoader());
        keycloak(new Pbkdf2PasswordHashProvider("pbkdf2", "PBKDF2WithHmacSHA1", 20_000, 0), 20_000);
        keycloak(new Pbkdf2PasswordHashProvider("pbkdf2-sha256", "PBKDF2WithHmacSHA256", 27_500, 0, 256), 27_500);
        keycloak(new Pbkdf2PasswordHashProvider("pbkdf2-sha512", "PBKDF2WithHmacSHA512", 210_000, 0, 512), 210_000);
        keycloak(new Argon2PasswordHashProvider("1.3", "id", 32, 7168, 1, 5, new Semaphore(1)), 5);
        keycloak(new Argon2PasswordHashProvider("1.3", "i", 32, 1024, 2, 3, new Semaphore(1)), 3);
    }
}
