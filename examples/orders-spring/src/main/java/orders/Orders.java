package orders;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.http.HttpStatus;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** An example service that keeps orders. {@link Security} says which scope each route requires. */
@SpringBootApplication
@RestController
class Orders {
    record Order(String item, String by) {}

    private final List<Order> orders = new CopyOnWriteArrayList<>();

    @GetMapping("/orders")
    List<Order> list() {
        return orders;
    }

    @PostMapping("/orders")
    @ResponseStatus(HttpStatus.CREATED)
    Order create(@RequestBody Order placed, @AuthenticationPrincipal Jwt token) {
        var order = new Order(placed.item(), token.getSubject());
        orders.add(order);
        return order;
    }

    @GetMapping("/me")
    Map<String, Object> me(@AuthenticationPrincipal Jwt token) {
        var scope = token.hasClaim("scope") ? token.getClaimAsString("scope") : "";
        var scopes = Arrays.stream(scope.split(" ")).filter(name -> !name.isEmpty()).toList();
        return Map.of("sub", token.getSubject(), "client_id", token.getClaimAsString("client_id"), "scopes", scopes);
    }

    public static void main(String[] args) {
        SpringApplication.run(Orders.class, args);
    }
}
