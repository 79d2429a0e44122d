package orders;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

import com.nimbusds.jose.util.JSONObjectUtils;

/** Follows Signet's feed of revocations (docs/revocation-feed.md), so that a revoked token is refused about a second later. */
class Revocations {
    private static final int MAX_ENTRIES = 1_000_000;
    private static final int MAX_BYTES = MAX_ENTRIES * 25 + 65_536;
    private static final long FIRST_ANSWER_SECONDS = 5;
    private static final System.Logger LOG = System.getLogger("revocations");

    private final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();
    private final String issuer;
    /** The handle, and when it may be forgotten, in nanoseconds of the monotonic clock. */
    private final Map<String, Long> revoked = new ConcurrentHashMap<>();
    private final Set<String> kids = ConcurrentHashMap.newKeySet();
    private final CountDownLatch answered = new CountDownLatch(1);
    private Thread thread;
    private long deadline;
    private String endpoint;
    private String cursor;

    Revocations(String issuer) {
        this.issuer = issuer;
    }

    /** An answer that is no use, whether the issuer says that it cannot answer for now, and how many seconds it asks to wait. */
    private static final class NoAnswer extends Exception {
        final boolean away;
        final long retryAfter;

        NoAnswer(String message, boolean away, long retryAfter) {
            super(message);
            this.away = away;
            this.retryAfter = retryAfter;
        }

        NoAnswer(String message) {
            this(message, false, 0);
        }
    }

    /** Tells whether the token's key, or what it was granted by, is revoked. */
    boolean isRevoked(String kid, String grantId) {
        if (names(kid)) {
            return true;
        }
        if (grantId == null) {
            return false;
        }
        try {
            var hash = MessageDigest.getInstance("SHA-256").digest(grantId.getBytes(StandardCharsets.UTF_8));
            return revoked.containsKey(Base64.getUrlEncoder().withoutPadding().encodeToString(Arrays.copyOf(hash, 16)));
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }

    /** Tells whether the key is revoked. The first call starts the thread and waits for its first answer. */
    boolean names(String kid) {
        try {
            if (answered.getCount() > 0) {
                answered.await(Math.max(0, start() - System.nanoTime()), TimeUnit.NANOSECONDS);
            }
            return kid != null && kids.contains(kid);
        } catch (InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }

    private synchronized long start() {
        if (thread == null) {
            deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(FIRST_ANSWER_SECONDS);
            thread = new Thread(this::follow, "revocations");
            thread.setDaemon(true);
            thread.start();
        }
        return deadline;
    }

    private void follow() {
        for (int failures = 0; ; ) {
            long wait;
            try {
                wait = step();
                answered.countDown();
                failures = 0;
            } catch (InterruptedException stopped) {
                return;
            } catch (Exception error) {
                // Whatever is wrong with an answer, it is silence.
                LOG.log(System.Logger.Level.WARNING, "the feed of revocations did not answer: " + error);
                // An issuer that is away is asked again soon, so that its news is heard about a second after it is back.
                var away = error instanceof NoAnswer answer ? answer.away : error instanceof IOException;
                var backOff = Math.min(away ? 1000 : 30_000, 200L << Math.min(failures++, 8));
                var longest = Math.max(backOff, error instanceof NoAnswer answer ? 1000 * answer.retryAfter : 0);
                wait = ThreadLocalRandom.current().nextLong(longest / 2, longest + 1);
            }
            try {
                Thread.sleep(wait);
            } catch (InterruptedException stopped) {
                return;
            }
        }
    }

    /** Reads one answer, and returns how many milliseconds to wait before the next request. */
    private long step() throws Exception {
        if (endpoint == null) {
            var found = (String) get(issuer + "/.well-known/openid-configuration", 5).get("signet_revocations_endpoint");
            if (found == null && cursor != null) {
                throw new NoAnswer("the issuer names no feed any more");
            }
            if (found == null) {
                return ThreadLocalRandom.current().nextLong(150_000, 450_000);
            }
            var feed = URI.create(found);
            var own = URI.create(issuer);
            if (!feed.getScheme().equals(own.getScheme()) || !feed.getAuthority().equals(own.getAuthority())) {
                throw new NoAnswer(found + " is not of the issuer's origin");
            }
            endpoint = found;
        }
        var after = cursor == null ? "" : "?after=" + URLEncoder.encode(cursor, StandardCharsets.UTF_8);
        var answer = get(endpoint + after, 30);
        var next = (String) answer.get("cursor");
        var keepFor = ((Number) answer.get("keep_for")).longValue();
        var handles = texts(answer.get("revoked"));
        var keys = answer.containsKey("revoked_kids") ? texts(answer.get("revoked_kids")) : List.<String>of();
        if (next == null || keepFor < 0) {
            throw new NoAnswer("the answer is malformed");
        }
        var now = System.nanoTime();
        revoked.values().removeIf(until -> until - now <= 0);
        kids.addAll(keys);
        var fresh = new HashSet<>(handles);
        fresh.removeAll(revoked.keySet());
        if (revoked.size() + fresh.size() > MAX_ENTRIES) {
            throw new NoAnswer("there are more revocations than there is room for");
        }
        handles.forEach(handle -> revoked.put(handle, now + TimeUnit.SECONDS.toNanos(keepFor)));
        cursor = next;
        return 100;
    }

    private static List<String> texts(Object list) {
        var texts = new ArrayList<String>();
        ((List<?>) list).forEach(text -> texts.add((String) text));
        return texts;
    }

    private Map<String, Object> get(String url, long seconds) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(seconds)).build();
        var end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        var response = client.send(request, BodyHandlers.ofInputStream());
        try (var stream = response.body()) {
            if (response.statusCode() != 200) {
                if (response.statusCode() >= 400 && response.statusCode() < 500 && response.statusCode() != 429) {
                    endpoint = null; // the feed may have moved
                }
                var retryAfter = response.headers().firstValue("Retry-After").filter(text -> text.matches("[0-9]{1,18}"));
                var wait = Math.min(30, retryAfter.map(Long::parseLong).orElse(0L));
                throw new NoAnswer("status " + response.statusCode(), response.statusCode() >= 500, wait);
            }
            // The time-out of the request ends with the head of the answer. The body has what is left of it.
            var deadline = CompletableFuture.delayedExecutor(end - System.nanoTime(), TimeUnit.NANOSECONDS);
            var cut = CompletableFuture.runAsync(() -> close(stream), deadline);
            var body = stream.readNBytes(MAX_BYTES + 1);
            if (!cut.cancel(false)) {
                throw new IOException("the answer did not end in time");
            }
            if (body.length > MAX_BYTES) {
                throw new NoAnswer("the answer is too long");
            }
            return JSONObjectUtils.parse(new String(body, StandardCharsets.UTF_8), MAX_BYTES);
        }
    }

    private static void close(InputStream stream) {
        try {
            stream.close();
        } catch (IOException error) {
            LOG.log(System.Logger.Level.DEBUG, "the stream was closed already: " + error);
        }
    }
}
