/* SPDX-License-Identifier: Apache-2.0 */
/* What came of a drill's scene, for people and for programs. */
#ifndef STINT_CLI_DRILL_SHOW_H
#define STINT_CLI_DRILL_SHOW_H

struct buf;
struct drill_end;
struct drill_scene;
struct job;
struct json_writer;

/* `job` is the first step. */
void drill_put_head(struct buf *b, const struct job *job);
void drill_put_scene(struct buf *b, const struct job *job, const struct drill_scene *s);
void drill_put_foot(struct buf *b, const struct job *job, const struct drill_end *end);

/* An object; and members of one. */
void drill_put_scene_json(struct json_writer *w, const struct job *job,
			  const struct drill_scene *s);
void drill_put_end_json(struct json_writer *w, const struct job *job, const struct drill_end *end);

#endif
