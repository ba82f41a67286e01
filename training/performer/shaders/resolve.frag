// The mean of the supersamples; alpha is how much of the pixel the person covers.
uniform sampler2D picture;
uniform int factor;
out vec4 result;
void main() {
    ivec2 base = ivec2(gl_FragCoord.xy) * factor;
    vec4 sum = vec4(0.0);
    for (int y = 0; y < factor; ++y)
        for (int x = 0; x < factor; ++x)
            sum += texelFetch(picture, base + ivec2(x, y), 0);
    result = sum / float(factor * factor);
}
