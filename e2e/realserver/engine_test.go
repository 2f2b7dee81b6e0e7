package realserver

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"postern/e2e/harness"
)

// TestEngine runs mailproxy's own tests of reading and writing on this server: they
// look for it in the environment.
func TestEngine(t *testing.T) {
	t.Parallel()
	s := server(t)
	cmd := exec.Command("go", "test", "-count=1", "-run", "^Test(Reading|Writing|Open).*OnRealServer$", "-v", "./mailproxy")
	cmd.Dir = harness.Root()
	cmd.Env = append(os.Environ(),
		fmt.Sprintf("POSTERN_TEST_IMAP=imaps://u8:pw-u8@localhost:%d", s.IMAPS), "POSTERN_TEST_CA="+s.CA(),
		fmt.Sprintf("POSTERN_TEST_SMTP=smtp://localhost:%d", s.Submission), "POSTERN_TEST_ADDRESS="+address("u8"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
