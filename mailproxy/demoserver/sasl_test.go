package demoserver

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/xdg-go/scram"
)

func scramClient(password string) (*scram.ClientConversation, error) {
	c, err := scram.SHA256.NewClient(mira, password, "")
	if err != nil {
		return nil, err
	}
	return c.NewConversation(), nil
}

// scramDialogue signs in and returns the server's last line.
func scramDialogue(t *testing.T, c net.Conn, conv *scram.ClientConversation) string {
	t.Helper()
	r := bufio.NewReader(c)
	line := func() string {
		s, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(s)
	}
	line() // greeting
	first, err := conv.Step("")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "a AUTHENTICATE SCRAM-SHA-256 %s\r\n", base64.StdEncoding.EncodeToString([]byte(first)))
	for {
		l := line()
		challenge, ok := strings.CutPrefix(l, "+ ")
		if !ok {
			return l
		}
		b, err := base64.StdEncoding.DecodeString(challenge)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := conv.Step(string(b))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "%s\r\n", base64.StdEncoding.EncodeToString([]byte(answer)))
	}
}
