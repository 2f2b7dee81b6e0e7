package imapconn

import (
	"compress/flate"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2/imapclient"
)

func TestCompress(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	served := make(chan error, 1)
	go func() {
		defer far.Close()
		served <- func() error {
			if err := play(noClose{far}, `
				S: * OK [CAPABILITY IMAP4rev1] hello
				C: $T LOGIN "u" "secret"
				S: $T OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] in
				C: $T COMPRESS DEFLATE
				S: $T OK from now on`); err != nil {
				return err
			}
			r := flate.NewReader(far)
			b := make([]byte, 9)
			if _, err := io.ReadFull(r, b); err != nil || string(b) != "T1 NOOP\r\n" {
				return err
			}
			w, _ := flate.NewWriter(far, flate.BestSpeed)
			if _, err := io.WriteString(w, strings.Repeat("* 1 EXISTS\r\n", 1000)+"T1 OK\r\n"); err != nil {
				return err
			}
			return w.Flush()
		}()
	}()
	c := Config{Security: None, AllowPlaintext: true, Compress: true, Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
	conn, err := Open(t.Context(), c, plainUser)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := imapclient.New(conn, nil).Noop().Wait(); err != nil {
		t.Errorf("NOOP: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("server: %v", err)
	}
	if in, _ := conn.Wire(); in > 1000 || conn.Received() < 12000 {
		t.Errorf("%d octets on the wire for %d", in, conn.Received())
	}
}

// noClose keeps play from closing the connection.
type noClose struct{ net.Conn }

func (noClose) Close() error { return nil }
