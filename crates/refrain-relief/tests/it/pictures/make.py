"""Makes the pictures of this folder, of kinds that the `image` crate does not write (Pillow 13.0.0).

All show the same: 24 x 18 pixels, brightness 10 * column + row of 255, the row counted from the top.
"""

from PIL import Image

size = (24, 18)
gray = Image.frombytes("L", size, bytes(10 * x + y for y in range(18) for x in range(24)))
color = gray.convert("RGB")
negative = gray.point(lambda value: 255 - value).convert("RGB")
alpha = color.convert("RGBA")
alpha.putalpha(Image.frombytes("L", size, bytes(10 * x for y in range(18) for x in range(24))))
turned = color.transpose(Image.Transpose.ROTATE_90)
exif = Image.Exif()
exif[0x112] = 6

color.save("baseline.jpg", quality=90)
color.save("progressive.jpg", quality=90, progressive=True)
gray.save("gray.jpg", quality=90)
color.convert("CMYK").save("cmyk.jpg", quality=90)
color.quantize(256).save("palette.png")
gray.convert("1").save("one_bit.png")
turned.save("turned.png", exif=exif)
color.save("lossy.webp", quality=90)
alpha.save("alpha.webp", quality=90)
color.save("animated.webp", save_all=True, append_images=[negative], duration=100, quality=90)
turned.save("turned.webp", exif=exif, lossless=True)
color.save("animated.gif", save_all=True, append_images=[negative], duration=100)
gray.quantize(256).save("palette.bmp")
gray.convert("1").save("one_bit.bmp")
color.save("lzw.tif", compression="tiff_lzw")
color.save("deflate.tif", compression="tiff_adobe_deflate")
color.save("jpeg.tif", compression="jpeg")
color.convert("CMYK").save("cmyk.tif")
gray.convert("1").save("one_bit.tif")
color.quantize(256).save("palette.tif")
turned.save("turned.tif", tiffinfo={274: 6})
