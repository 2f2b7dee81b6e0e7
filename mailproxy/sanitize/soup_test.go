package sanitize

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

// soupWords are what random sources are put together from.
var soupWords = strings.Fields(`<a> <a~href=#x> <a~href=//y> </a> <b> </b> <i~class=q> </i> <font~color=red> </font> <nobr> </nobr> <p> </p> <div> </div>
	<span> </span> <table> </table> <tr> </tr> <td> </td> <th> <tbody> </tbody> <thead> <caption> </caption> <colgroup> <col> </colgroup> <li> </li> <ul>
	</ul> <ol> <dl> <dd> </dd> <dt> <h1> </h1> <h2> <pre> </pre> <br> </br> <hr> <img~src=//x> <img~src=cid:y> <picture> </picture>
	<source~srcset=//z> <map~name=m> </map> <area~href=//a> <ruby> <rt> <rp> </ruby> <details> <summary> </details> <form> </form> <fieldset> <legend>
	</fieldset> <button> </button> <input~type=submit~value=v> <select> <option> </select> <textarea> </textarea> <svg> </svg> <math> <mtext> <style>
	</style> <script> </script> <title> </title> <template> </template> <noscript> </noscript> <iframe> </iframe> <xmp> </xmp> <object> </object>
	<marquee> </marquee> <center> </center> <blockquote> </blockquote> <body~bgcolor=red> </body> <html~lang=en> <head> </head> <frameset> <!--
	--> <![CDATA[ ]]> <image~src=//i> <plaintext> <unknown> </unknown> <o:p> </o:p> x y &amp; &lt;p&gt; ~ ~~`)

func soup(r *rand.Rand) string {
	var b strings.Builder
	// A few words met often make structures that all of them never would.
	words := soupWords
	if r.IntN(2) == 0 {
		words = make([]string, 4+r.IntN(10))
		for i := range words {
			words[i] = soupWords[r.IntN(len(soupWords))]
		}
	}
	for range 1 + r.IntN(40) {
		b.WriteString(strings.ReplaceAll(words[r.IntN(len(words))], "~", " "))
	}
	return b.String()
}

// TestSoup gives tags in any order. SANITIZE_SOUP says how many sources.
func TestSoup(t *testing.T) {
	t.Parallel()
	n := 3000
	if s := os.Getenv("SANITIZE_SOUP"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	for seed := range n {
		src := soup(rand.New(rand.NewPCG(uint64(seed), 1)))
		if wantProperties(t, src); t.Failed() {
			t.Fatalf("seed %d: %q", seed, src)
		}
	}
}
