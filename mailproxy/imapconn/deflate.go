package imapconn

import (
	"compress/flate"
	"io"
	"net"
)

// deflateConn compresses both directions (RFC 4978).
type deflateConn struct {
	net.Conn
	r io.ReadCloser
	w *flate.Writer
}

func newDeflateConn(conn net.Conn) *deflateConn {
	w, err := flate.NewWriter(conn, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return &deflateConn{Conn: conn, r: flate.NewReader(conn), w: w}
}

func (d *deflateConn) Read(p []byte) (int, error) { return d.r.Read(p) }

func (d *deflateConn) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	if err == nil {
		err = d.w.Flush()
	}
	return n, err
}

func (d *deflateConn) abort() error { return abort(d.Conn) }
