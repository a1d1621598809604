package main

import (
	"ewindow/media/gst/card"
	"ewindow/media/testcard"
)

// A picture has 8 bits a sample and halved colour: a plane of luma, then colour as in I420 or NV12.
type picture struct {
	pixels        []byte
	width, height int
}

func (p picture) luma() []byte { return p.pixels[:p.width*p.height] }

// convert makes a picture of an opaque image, in BT.709 limited range above 576 lines, else BT.601, as GStreamer
// takes pictures of these sizes. Width and height are even.
func convert(i card.Image, format string) picture {
	w, h := i.Width, i.Height
	p := picture{make([]byte, w*h*3/2), w, h}
	k := [6]int{66, 129, 25, 38, 74, 94} // BT.601: luma of R, G, B; blue difference of R, G; red difference of G, then 112
	if h > 576 {
		k = [6]int{47, 157, 16, 26, 87, 102}
	}
	for y := range h {
		for x := range w {
			q := i.Pixels[(y*w+x)*4:]
			b, g, r := int(q[0]), int(q[1]), int(q[2])
			p.pixels[y*w+x] = byte((k[0]*r+k[1]*g+k[2]*b+128)>>8 + 16)
			if x&1 == 0 && y&1 == 0 {
				u := byte((-k[3]*r-k[4]*g+112*b+128)>>8 + 128)
				v := byte((112*r-k[5]*g-(112-k[5])*b+128)>>8 + 128)
				p.setColour(format, x/2, y/2, u, v)
			}
		}
	}
	return p
}

func (p picture) setColour(format string, x, y int, u, v byte) {
	luma, w := p.width*p.height, p.width/2
	if format == "NV12" {
		p.pixels[luma+(y*w+x)*2], p.pixels[luma+(y*w+x)*2+1] = u, v
		return
	}
	p.pixels[luma+y*w+x], p.pixels[luma+luma/4+y*w+x] = u, v
}

// A painter draws the test camera's picture: the name of its space, a running counter, a bar that wanders, and the
// machine-readable code. All but the last three is drawn once.
type painter struct {
	ground  picture
	frame   picture // drawn anew each time; whoever gets it must be done with it before the next
	digits  [10]card.Image
	seed    uint16
	counter uint32
}

func newPainter(c videoFormat, format string) *painter {
	g := convert(card.TestPicture(c.Width, c.Height, c.Label), format)
	for y := range c.Width * testcard.Rows / testcard.PerWidth / 2 { // no colour behind the code
		for x := range c.Width * testcard.Columns / testcard.PerWidth / 2 {
			if y < c.Height/2 {
				g.setColour(format, x, y, 128, 128)
			}
		}
	}
	return &painter{ground: g, frame: picture{make([]byte, len(g.pixels)), c.Width, c.Height}, seed: c.Seed,
		digits: card.Digits(max(8, c.Height/10))}
}

// next draws the next picture.
func (p *painter) next() []byte {
	copy(p.frame.pixels, p.ground.pixels)
	p.counter++
	testcard.Draw(p.frame.luma(), p.frame.width, p.frame.width, p.frame.height, p.seed, p.counter)
	p.number(p.counter, p.frame.width/20, p.frame.height*13/20)
	p.bar()
	return p.frame.pixels
}

// number draws the counter's decimal digits into the luma plane.
func (p *painter) number(n uint32, x, y int) {
	for div := uint32(100000); div > 0; div /= 10 {
		d := p.digits[n/div%10]
		p.glyph(d, x, y)
		x += d.Width
	}
}

func (p *painter) glyph(d card.Image, x, y int) {
	luma, w, h := p.frame.luma(), p.frame.width, p.frame.height
	for j := 0; j < d.Height && y+j < h; j++ {
		for i := 0; i < d.Width && x+i < w; i++ {
			if v := d.Pixels[(j*d.Width+i)*4]; v > 0 {
				at := &luma[(y+j)*w+x+i]
				*at = byte((int(*at)*(255-int(v)) + 235*int(v)) / 255)
			}
		}
	}
}

// bar draws a bright bar that wanders below the code.
func (p *painter) bar() {
	luma, w, h := p.frame.luma(), p.frame.width, p.frame.height
	wide, high := w/12, max(2, h/24)
	at := int(p.counter%uint32(w)) * max(1, w/240) % (w - wide)
	for y := h * 3 / 10; y < h*3/10+high; y++ {
		line := luma[y*w+at : y*w+at+wide]
		for i := range line {
			line[i] = 210
		}
	}
}
