"""Walks through an administrator's first ten minutes in Chromium, and takes the pictures of docs/first-ten-minutes.md.

    TEST_BIN_DIR=target/debug python examples/tests/take_pictures.py
"""

from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support import EXAMPLES, PASSWORD, Issuer

PICTURES = EXAMPLES.parent / "docs" / "pictures"
WIDTH = 1000


class Administrator:
    """A person with a browser."""

    def __init__(self, issuer: Issuer):
        self.url = issuer.url
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", f"--window-size={WIDTH},800"):
            options.add_argument(argument)
        self.browser = webdriver.Chrome(options=options)

    def goto(self, path: str):
        self.browser.get(self.url + path)

    def fill(self, **fields: str):
        for name, text in fields.items():
            field = self.browser.find_element(By.NAME, name)
            field.clear()
            field.send_keys(text)

    def choose(self, name: str, value: str):
        self.browser.find_element(By.CSS_SELECTOR, f"[name='{name}'] option[value='{value}']").click()

    def press(self, selector: str = "main button.primary, main button.danger"):
        """Presses a button, and waits for the page that it leads to."""
        page = self.browser.find_element(By.TAG_NAME, "html")
        self.browser.find_element(By.CSS_SELECTOR, selector).click()
        WebDriverWait(self.browser, 10).until(lambda _: self.is_gone(page))

    @staticmethod
    def is_gone(element) -> bool:
        try:
            element.is_enabled()
            return False
        except Exception:  # The driver has several errors for an element of a page that was left.
            return True

    def picture(self, name: str, most: int = 1100):
        """Takes a picture of the whole page, or of its upper part."""
        height = self.browser.execute_script("return document.documentElement.scrollHeight")
        self.browser.set_window_size(WIDTH, min(max(height, 300), most) + 140)
        height = min(height, most)
        self.browser.set_window_size(WIDTH, height + (self.browser.get_window_size()["height"] - self.browser.execute_script("return innerHeight")))
        PICTURES.mkdir(exist_ok=True)
        Path(PICTURES, f"{name}.png").write_bytes(self.browser.get_screenshot_as_png())

    def text(self) -> str:
        return self.browser.find_element(By.TAG_NAME, "main").text


def main():
    issuer = Issuer()
    issuer.cli("user", "add", "ada", "--name", "Ada Moss", "--role", "admin", "--password-stdin", stdin=PASSWORD)
    issuer.serve()
    ada = Administrator(issuer)
    ada.goto("/admin")
    ada.picture("sign-in")
    ada.fill(username="ada", password=PASSWORD)
    ada.press()
    ada.goto("/admin")
    ada.picture("overview", 1400)

    ada.goto("/admin/groups/new")
    ada.fill(name="platform", display_name="Platform team")
    ada.press()

    ada.goto("/admin/users/new")
    ada.fill(username="alice", name="Alice Green", email="alice@example.com")
    ada.picture("new-user")
    ada.press()
    ada.fill(confirm_password=PASSWORD)
    ada.press()
    ada.goto("/admin/groups/platform/members")
    ada.fill(add="alice")
    ada.press()
    ada.press()  # The first page says who gains what.

    ada.goto("/admin/clients/new?preset=grafana")
    ada.fill(url="https://grafana.example.com", client_id="grafana", client_name="Grafana", groups="platform")
    ada.choose("access", "groups")
    ada.picture("new-application", 1000)
    ada.press()
    ada.fill(confirm_password=PASSWORD)
    ada.press()
    ada.picture("application-added", 1400)

    ada.goto("/admin/clients/grafana")
    ada.picture("application", 1400)
    ada.goto("/admin/clients/grafana/try?user=alice&scope=openid+profile+email")
    ada.picture("try-it", 1400)
    ada.goto("/admin/users/alice")
    ada.picture("user", 1400)
    ada.goto("/admin/audit")
    ada.picture("audit", 1000)
    ada.browser.quit()
    issuer.stop()


if __name__ == "__main__":
    main()
