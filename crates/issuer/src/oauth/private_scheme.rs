//! The schemes of redirect URIs that belong to an app on the device (RFC 8252 §7.1), such as `com.example.app:/callback` or
//! `cursor://anysphere.cursor-mcp/oauth/callback`.

use url::Url;

use crate::oauth::scope::words;

/// Schemes that browsers, operating systems and other protocols handle themselves. A redirect to one of them would run code, read a file,
/// or start a system program with an authorization code among its arguments.
const TAKEN: &str = "about acct afp app-prefs app-settings applescript apt attachment bitcoin blob brave callto cid coap coaps content cvs dat data dav dict \
     dns doi duckduckgo ed2k facetime facetime-audio feed file filesystem finger ftp ftps geo git go gopher h323 hcp help http https iax icap im imap \
     imaps intent ipfs ipns ipp ipps irc irc6 ircs iris.beep iris.lwz iris.xpc iris.xpcs isolated-app jar javascript jnlp jnlps ldap ldaps livescript macappstore macappstores magnet \
     mailto maps market mhtml mid mk mms mmsto mocha modem mqtt mqtts msrp news nfs nntp openid pkcs11 pop pop3 powershell prefs pres query rdp redis \
     rediss res resource rlogin rmi rsync rtmp rtsp rtsps search service sftp shell shortcuts shttp sip sips smb sms smsto smtp snap snmp soap.beep \
     soap.beeps ssh stun stuns svn tag tel telnet tftp turn turns tv udp unc urn uuid vbscript view-source vnc wais webcal webcals workflow ws wss \
     wyciwyg xmlrpc.beep xmlrpc.beeps xmpp z39.50 z39.50r z39.50s";

/// The beginnings of schemes that a browser or a system keeps for itself, such as `ms-settings`, `chrome-extension` and `web+coffee`.
const TAKEN_FAMILIES: &str = "android-app chrome com.android. com.apple. com.google.chrome com.microsoft.edge devtools edge ext+ firefox googlechrome itms \
     microsoft- moz- ms- opera org.mozilla. safari samsungbrowser search-ms steam vivaldi web+ webkit x-apple x-man-page x-safari";

/// Returns whether an app may own the scheme of `uri`, which was parsed as `url`. A scheme with a dot is a reversed domain name, which
/// has an owner. Anyone can claim a scheme without a dot; it is allowed only if `also_undotted` is set, and only in the form
/// `scheme://host`, because systems differ in how they read a URI without a host.
pub fn is_of_an_app(uri: &str, url: &Url, also_undotted: bool) -> bool {
    let scheme = url.scheme();
    let has_slashes = uri.get(scheme.len()..).is_some_and(|rest| rest.starts_with("://"));
    let names_host = has_slashes && url.host_str().is_some_and(|host| !host.is_empty());
    let is_taken = words(TAKEN).any(|taken| taken == scheme) || words(TAKEN_FAMILIES).any(|family| scheme.starts_with(family));
    !is_taken && (scheme.contains('.') || also_undotted && names_host)
}
