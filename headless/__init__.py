"""SignGen without a window: the `signgen` command, batch rendering, contact sheets.

    render   Motion -> video file or frames          sheet   chosen frames of many motions in one picture
    cli      the command line                        (each imports Blender only when it renders)
"""
