package main

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
	"math"
	"net/url"
	"path"
	"strings"

	"postern/handlers"
	"postern/mailproxy/mail"
)

// demoImages draws the pictures of the demo's newsletters, which no network has:
// their senders are below .example and .example.net, names that stay free (RFC
// 2606). It passes all other addresses on.
type demoImages struct{ next handlers.ImageFetcher }

// Image is a picture as the demo's newsletters would have it.
func (d demoImages) Image(ctx context.Context, account, address string) (mail.Image, error) {
	u, err := url.Parse(address)
	if err != nil {
		return mail.Image{}, mail.Wrap(mail.Invalid, fmt.Errorf("not an address"), "")
	}
	if host := u.Hostname(); !strings.HasSuffix(host, ".example") && !strings.HasSuffix(host, ".example.net") {
		return d.next.Image(ctx, account, address)
	}
	var b bytes.Buffer
	w, t := 640, 320
	switch {
	case strings.HasPrefix(path.Base(u.Path), "logo"):
		w, t = 320, 80
	case u.Query().Get("w") == "300":
		w, t = 300, 200
	}
	if err := png.Encode(&b, drawing(u.Path, w, t)); err != nil {
		return mail.Image{}, err
	}
	return mail.Image{Type: "image/png", Body: b.Bytes()}, nil
}

// drawing is a landscape of w times t pixels; the same name gives the same.
func drawing(name string, w, t int) image.Image {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	seed := float64(h.Sum32()%1000) / 1000
	tone := func(light float64) color.RGBA {
		c := func(shift float64) uint8 {
			return uint8(255 * min(1, light*(.75+.25*math.Cos(2*math.Pi*(seed+shift)))))
		}
		return color.RGBA{c(0), c(.33), c(.67), 255}
	}
	m := image.NewRGBA(image.Rect(0, 0, w, t))
	sun := [2]float64{float64(w) * (.2 + .6*seed), float64(t) * .34}
	for y := range t {
		for x := range w {
			fx, fy := float64(x), float64(y)
			c := tone(1.25 - .35*fy/float64(t))
			if math.Hypot(fx-sun[0], fy-sun[1]) < float64(t)*.14 {
				c = color.RGBA{255, 250, 232, 255}
			}
			for i := 1.; i <= 3; i++ { // hills, the nearer the darker
				edge := float64(t) * (.4 + .14*i + .06*math.Sin(fx*i/float64(w)*5+seed*20*i))
				if fy > edge {
					c = tone(1 - .22*i)
				}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}
