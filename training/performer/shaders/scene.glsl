// What all of a person's parts share; written in one piece, in this order (renderer.py, _Block).
layout(std140) uniform Scene {
    mat4 head;            // head -> camera space, the place included; the camera looks along -z
    mat4 sun;             // camera space -> the key light's depth map
    mat4 eye_turn[2];     // left, right
    vec4 lens;            // focal lengths and offsets in clip units: fx, fy, ox, oy
    vec4 light_way[3];    // towards key, fill, rim; camera axes
    vec4 light_colour[3];
    vec4 ambient[4];      // spherical harmonics of order 0 and 1: constant, x, y, z
    vec4 shade;           // shadow's strength, softness (how far a large lamp reaches around), pupil glow, seed
    vec4 lip_colour;
    vec4 brow_colour;
    vec4 brow_shape;      // thickness, arch, density, height
    vec4 lash_colour;     // and the darkness of the lash line
    vec4 lid_paint;       // eye shadow's colour and strength
    vec4 iris_colour;     // and the iris' scale
    vec4 sclera_colour;   // and the pupil's share of the iris
    vec4 marks;           // freckles, grain, stubble, age
    vec4 eye_centre[2];   // left, right; and the height of the upper lid's edge; model space
    vec4 mouth;           // centre between the lips, model space
    vec4 brow_style;      // how far single hairs show, how ragged the rim, share of grey hairs, how far the brows meet
    vec4 liner;           // eyeliner: thickness (cm), strength, wing, strength under the eye
    vec4 lid_fold;        // the upper lid's crease: height above the edge (cm), depth, how far the lid hangs over it
    vec4 lids;            // how far the left and the right eye are open
    vec4 lips;            // pressed at the left, at the right; rolled in: the upper, the lower
};
const int SKIN = 0, BACK = 1, MOUTH = 2, TEETH = 3, EYE_LEFT = 4, EYE_RIGHT = 5, LASH = 6, TONGUE = 7, WORN = 8, BROW = 9, LIP = 10, LID = 11;
#define FACE (PART == 0 || PART == 9 || PART == 10 || PART == 11)
