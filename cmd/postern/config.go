package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/mailproxy"
	"postern/mailproxy/imapconn"
	"postern/mailproxy/submit"
	"postern/templates/link"
)

// Config is every setting of Postern. A flag is stronger than the POSTERN_…
// variable of the same name, which is stronger than the key in the TOML file.
// docs/config.md is generated from it.
type Config struct {
	Listen         string        `group:"Serving" help:"Where to answer browsers, host:port." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	AdminListen    string        `group:"Serving" help:"Where to answer /metrics and profiling, host:port. Empty: nowhere. Never make it public." placeholder:"HOST:PORT"`
	BasePath       string        `group:"Serving" help:"Sub-path the site is served under behind a proxy, /webmail say." placeholder:"/PATH"`
	PublicHTTPS    bool          `group:"Serving" help:"Browsers reach the site by https, whatever the proxy says." name:"public-https"`
	TrustedProxies []string      `group:"Serving" help:"Addresses or networks of reverse proxies whose X-Forwarded-For and -Proto are believed." default:"127.0.0.0/8,::1/128" placeholder:"CIDR"`
	Grace          time.Duration `group:"Serving" help:"How long running requests may take to finish when Postern stops." default:"20s"`

	IMAP            string   `group:"Mail servers" name:"imap" help:"IMAP server: imaps://host (port 993) or imap://host (port 143, STARTTLS)." placeholder:"URL"`
	SMTP            string   `group:"Mail servers" name:"smtp" help:"Submission server: smtps://host (port 465) or smtp://host (port 587, STARTTLS)." placeholder:"URL"`
	MailDomains     []string `group:"Mail servers" help:"Domains of the people on this server. The first one completes a bare user name." placeholder:"DOMAIN"`
	MailServers     []string `group:"Mail servers" help:"More servers, chosen by the domain of the address: 'domain[,domain] IMAP-URL SMTP-URL'." placeholder:"SERVER" sep:";"`
	LoginName       string   `group:"Mail servers" help:"What the mail server wants as login: as typed, the whole address, or the part before the @." enum:"typed,address,localpart" default:"typed"`
	AllowPlaintext  bool     `group:"Mail servers" help:"Let passwords travel unencrypted to servers that offer no TLS. Only on a network you trust."`
	CAFile          string   `group:"Mail servers" name:"ca-file" help:"PEM file of the authority that signed the mail servers' certificates, beside those of the system." placeholder:"FILE"`
	PinIMAP         string   `group:"Mail servers" name:"pin-imap" help:"SHA-256 of the IMAP server's certificate (hex): it alone is accepted." placeholder:"HEX"`
	PinSMTP         string   `group:"Mail servers" name:"pin-smtp" help:"SHA-256 of the submission server's certificate (hex): it alone is accepted." placeholder:"HEX"`
	ServerSavesSent bool     `group:"Mail servers" help:"The mail server itself keeps a copy of what is submitted (Gmail, Outlook): store none in Sent."`
	Compress        bool     `group:"Mail servers" help:"Compress the IMAP connections (RFC 4978) where the server offers it."`
	EHLOName        string   `group:"Mail servers" name:"ehlo-name" help:"Our name towards the submission server. Empty: the machine's." placeholder:"NAME"`

	Data        string `group:"Data" help:"Folder for everything Postern writes. Empty: ./data, and for the demo a folder that is removed at the end." placeholder:"DIR"`
	DatabaseURL string `group:"Data" name:"database-url" help:"PostgreSQL to share between several copies, postgres://… Empty: SQLite in the data folder." placeholder:"URL"`
	Key         string `group:"Data" help:"The operator's key, 64 hex digits. Empty: the file 'key' in the data folder, made at the first start. The same in every copy." placeholder:"HEX"`

	SessionIdle     time.Duration `group:"Sessions" help:"A session ends when unused for so long." default:"2h"`
	SessionMax      time.Duration `group:"Sessions" help:"A session ends after so long, used or not." default:"24h"`
	StaySessionIdle time.Duration `group:"Sessions" help:"The same with 'stay signed in'." default:"720h"`
	StaySessionMax  time.Duration `group:"Sessions" help:"The same with 'stay signed in'." default:"4320h"`

	MaxMessageSize string `group:"Limits" help:"Largest message that can be sent, attachments encoded: 50MB, 20M, 1G." default:"50MB" placeholder:"SIZE"`

	RemoteImages string `group:"Privacy" help:"Images that a mail would load from elsewhere: shown when the reader asks for them, fetched by Postern, or never." enum:"ask,never" default:"ask"`

	SignInHost string `group:"Words" help:"Name shown over the sign-in form. Empty: the mail server's." placeholder:"TEXT"`
	SignInNote string `group:"Words" help:"A line under the sign-in form: who to ask for an account, say." placeholder:"TEXT"`

	LogFormat string `group:"Log" help:"How log lines look." enum:"text,json" default:"text"`
	LogLevel  string `group:"Log" help:"Least grave lines that are logged." enum:"debug,info,warn,error" default:"info"`
}

// settingError is one sentence that names the setting, its value and the remedy.
func settingError(name, value, remedy string) error {
	return fmt.Errorf("setting %s is %q: %s", name, value, remedy)
}

// secretError is settingError for values that must not be printed.
func secretError(name, remedy string) error {
	return fmt.Errorf("setting %s (not shown): %s", name, remedy)
}

// endpoint is a server's URL, understood.
type endpoint struct {
	host     string
	port     int
	implicit bool // TLS from the first octet
}

func parseServer(setting, value, implicit, starttls string, implicitPort, starttlsPort int) (endpoint, error) {
	remedy := fmt.Sprintf("write %s://host or %s://host, with :port if it is not %d or %d", implicit, starttls, implicitPort, starttlsPort)
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		if u != nil && u.User != nil {
			return endpoint{}, secretError(setting, "leave user and password out; "+remedy)
		}
		return endpoint{}, settingError(setting, value, remedy)
	}
	e := endpoint{host: u.Hostname()}
	switch u.Scheme {
	case implicit:
		e.implicit, e.port = true, implicitPort
	case starttls:
		e.port = starttlsPort
	default:
		return endpoint{}, settingError(setting, value, remedy)
	}
	if p := u.Port(); p != "" {
		e.port, err = strconv.Atoi(p)
		if err != nil || e.port < 1 || e.port > 65535 {
			return endpoint{}, settingError(setting, value, "the port must be between 1 and 65535")
		}
	}
	return e, nil
}

// mailServer is one configured pair of servers.
type mailServer struct {
	name    string
	domains []string
	imap    imapconn.Config
	smtp    submit.Config
}

// mailServers understands every setting about mail servers.
func (c *Config) mailServers() ([]mailServer, error) {
	var roots *x509.CertPool
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, settingError("ca-file", c.CAFile, "name a PEM file that Postern may read")
		}
		if roots, err = x509.SystemCertPool(); err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, settingError("ca-file", c.CAFile, "the file holds no certificate in PEM form")
		}
	}
	pinIMAP, err := parsePin("pin-imap", c.PinIMAP)
	if err != nil {
		return nil, err
	}
	pinSMTP, err := parsePin("pin-smtp", c.PinSMTP)
	if err != nil {
		return nil, err
	}
	var out []mailServer
	add := func(setting, imapURL, smtpURL string, domains []string) error {
		in, err := parseServer(setting, imapURL, "imaps", "imap", 993, 143)
		if err != nil {
			return err
		}
		outgoing, err := parseServer(strings.Replace(setting, "imap", "smtp", 1), smtpURL, "smtps", "smtp", 465, 587)
		if err != nil {
			return err
		}
		m := mailServer{name: in.host, domains: domains}
		m.imap = imapconn.Config{Host: in.host, Port: in.port, Security: imapconn.StartTLS, AllowPlaintext: c.AllowPlaintext, RootCAs: roots, PinSHA256: pinIMAP, Compress: c.Compress, Version: version()}
		if in.implicit {
			m.imap.Security = imapconn.TLS
		}
		m.smtp = submit.Config{Address: net.JoinHostPort(outgoing.host, strconv.Itoa(outgoing.port)), Mode: submit.StartTLS, TLS: pinnedTLS(outgoing.host, roots, pinSMTP), Hello: c.ehlo()}
		if outgoing.implicit {
			m.smtp.Mode = submit.TLS
		}
		m.smtp.TLSOptional = c.AllowPlaintext
		out = append(out, m)
		return nil
	}
	if c.IMAP != "" || c.SMTP != "" || len(c.MailServers) == 0 {
		if c.IMAP == "" {
			return nil, settingError("imap", "", "name the IMAP server, imaps://mail.example.org say; 'postern demo' needs none")
		}
		if c.SMTP == "" {
			return nil, settingError("smtp", "", "name the submission server, smtps://mail.example.org say")
		}
		if err := add("imap", c.IMAP, c.SMTP, cleanDomains(c.MailDomains)); err != nil {
			return nil, err
		}
	}
	for _, line := range c.MailServers {
		f := strings.Fields(line)
		if len(f) != 3 {
			return nil, settingError("mail-servers", line, "write 'example.org,example.net imaps://mail.example.org smtps://mail.example.org'")
		}
		if err := add("mail-servers", f[1], f[2], cleanDomains(strings.Split(f[0], ","))); err != nil {
			return nil, err
		}
	}
	names := map[string]bool{}
	for i := range out {
		for n := 2; names[out[i].name]; n++ {
			out[i].name = out[i].imap.Host + "-" + strconv.Itoa(n)
		}
		names[out[i].name] = true
	}
	return out, nil
}

func cleanDomains(list []string) []string {
	var out []string
	for _, d := range list {
		if d = strings.ToLower(strings.TrimSpace(d)); d != "" && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

func parsePin(setting, value string) ([]byte, error) {
	if value == "" {
		return nil, nil
	}
	b, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(value))
	if err != nil || len(b) != sha256.Size {
		return nil, settingError(setting, value, "write the 64 hex digits that 'openssl x509 -fingerprint -sha256' prints")
	}
	return b, nil
}

func (c *Config) ehlo() string {
	if c.EHLOName != "" {
		return c.EHLOName
	}
	if h, err := os.Hostname(); err == nil && h != "" {
		return h
	}
	return "localhost"
}

func (c *Config) proxies() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range c.TrustedProxies {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		if p, err := netip.ParsePrefix(s); err == nil {
			out = append(out, p.Masked())
			continue
		}
		a, err := netip.ParseAddr(s)
		if err != nil {
			return nil, settingError("trusted-proxies", s, "write an address or a network, 10.0.0.0/8 say")
		}
		out = append(out, netip.PrefixFrom(a, a.BitLen()))
	}
	return out, nil
}

func (c *Config) loginForm() mailproxy.LoginForm {
	switch c.LoginName {
	case "address":
		return mailproxy.LoginAddress
	case "localpart":
		return mailproxy.LoginLocal
	}
	return mailproxy.LoginAsTyped
}

func (c *Config) site() link.Site { return link.Site{Base: link.CleanBase(c.BasePath)} }

// parseSize reads 50MB, 20M, 1G or a plain number of octets.
func parseSize(setting, s string) (int64, error) {
	t := strings.TrimSuffix(strings.ToUpper(strings.TrimSpace(s)), "B")
	mult := int64(1)
	if n := len(t); n > 0 {
		if i := strings.IndexByte("KMG", t[n-1]); i >= 0 {
			mult, t = []int64{1e3, 1e6, 1e9}[i], t[:n-1]
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(t), 10, 64)
	if err != nil || n <= 0 || n > (1<<40)/mult {
		return 0, settingError(setting, s, "write a size, 50MB say")
	}
	return n * mult, nil
}

// checkListen says early and plainly what is wrong with an address to listen on.
func checkListen(setting, value string) error {
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		var n int
		if n, err = strconv.Atoi(port); err == nil && (n < 0 || n > 65535) {
			err = strconv.ErrRange
		}
	}
	if err != nil {
		return settingError(setting, value, "write host:port, 127.0.0.1:8080 say")
	}
	return nil
}
