package realserver

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"postern/e2e/harness"
)

// nginxConf is the one of the README, on a free port and in a folder of its own.
const nginxConf = `worker_processes 1;
daemon off;
pid %[1]s/nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  server {
    listen 127.0.0.1:%[2]d ssl;
    ssl_certificate %[3]s/server.pem;
    ssl_certificate_key %[3]s/server.key;
    location /webmail/ {
      proxy_pass http://%[4]s;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      client_max_body_size 100m;
      proxy_request_buffering off;
      proxy_buffering off;
    }
  }
}
`

// TestBehindNginx serves the program below a sub-path by https: cookies, redirects,
// addresses in pages and the client's address are those of the outside.
func TestBehindNginx(t *testing.T) {
	t.Parallel()
	nginx := harness.NeedProgram(t, "nginx")
	s := server(t)
	p := serve(t, s, "--base-path", "/webmail", "--trusted-proxies", "127.0.0.0/8")
	if !strings.HasSuffix(p.URL, "/webmail") {
		t.Fatalf("it is at %s", p.URL)
	}
	dir := t.TempDir()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	_ = ln.Close()
	conf := filepath.Join(dir, "nginx.conf")
	upstream := strings.TrimSuffix(strings.TrimPrefix(p.URL, "http://"), "/webmail")
	upstream = strings.Replace(upstream, "localhost", "127.0.0.1", 1)
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, port, filepath.Join(s.Dir, "tls"), upstream), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(nginx, "-c", conf, "-p", dir)
	cmd.Stderr = &said
	ended := make(chan struct{})
	if err := harness.Tied(cmd, syscall.SIGTERM, func(error) { close(ended) }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("nginx: %s", said.String())
		}
	})
	base := fmt.Sprintf("https://localhost:%d/webmail", port)
	b := harness.NewBrowser(t, base, &tls.Config{RootCAs: s.Roots(t)})
	eventually(t, "nginx answers", func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})

	// A client that claims to be somebody else is believed no more than the proxy says.
	b.Header.Set("X-Forwarded-For", "198.51.100.7")
	inbox := b.SignIn(t, address("u6"), "pw-u6")
	if inbox.URL.Path != "/webmail/mail/INBOX" {
		t.Errorf("sign-in leads to %s", inbox.URL)
	}
	cookies := b.Client.Jar.Cookies(inbox.URL)
	if len(cookies) == 0 {
		t.Fatal("there is no cookie")
	}
	found := false
	for _, c := range cookies {
		found = found || c.Name == "__Host-postern"
	}
	if !found {
		t.Errorf("cookies are %v, want __Host-postern", cookies)
	}
	if h := inbox.Header.Get("Strict-Transport-Security"); h == "" {
		t.Error("no Strict-Transport-Security by https")
	}
	for n := range harness.Elements(inbox.Root(t)) {
		for _, a := range []string{"href", "src", "action", "formaction"} {
			if v := harness.Attr(n, a); strings.HasPrefix(v, "/") && !strings.HasPrefix(v, "/webmail/") {
				t.Errorf("<%s %s=%q> leads out of the sub-path", n.Data, a, v)
			}
		}
	}
	for n := range harness.Elements(inbox.Root(t), "link", "script") {
		for _, a := range []string{"href", "src"} {
			if v := harness.Attr(n, a); v != "" {
				inbox.Open(t, v).Want(t, http.StatusOK)
			}
		}
	}
	// the trusted proxy is 127.0.0.1, and so is the browser: what it claims is beyond it
	if !strings.Contains(p.Log(), "client=198.51.100.7") {
		t.Error("the client's address is not the one the proxy passes on")
	}

	// write, with a file through the proxy
	const size = 5_000_000
	page := inbox.Follow(t, "Compose").Fill(t, "To", address("u6")).Fill(t, "Subject", "Through the gate").Fill(t, "Message", "x")
	page = page.Choose(t, "Attach files", harness.File{Name: "five.bin", Type: "application/octet-stream", Size: size, Content: io.LimitReader(zeros{}, size)}).Press(t, "Upload").Want(t, http.StatusOK)
	sendNow(t, page)
	eventually(t, "it arrives", func() bool {
		return strings.Contains(strings.Join(b.Get(t, "/mail/INBOX").Subjects(t), "\n"), "Through the gate")
	})
	page = b.Get(t, "/mail/INBOX").PressInRow(t, "Through the gate", "Archive").WantToast(t, "archived")
	if page.URL.Path != "/webmail/mail/INBOX" {
		t.Errorf("archiving leads to %s", page.URL)
	}
	b.Get(t, "/nowhere").Want(t, http.StatusNotFound).Follow(t, "Go to the Inbox").Want(t, http.StatusOK)

	// another site, by its name
	req, err := http.NewRequest(http.MethodPost, base+"/sign-out", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://evil.example")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := b.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("another site may sign people out: %d", resp.StatusCode)
	}
}

// zeros is a file without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
