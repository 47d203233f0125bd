// Grafana's own types, as they are in JSON, with the queries and the options of the panels we use filled in.
import type * as barchart from '@grafana/grafana-foundation-sdk/barchart'
import type { GraphFieldConfig } from '@grafana/grafana-foundation-sdk/common'
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import type * as gauge from '@grafana/grafana-foundation-sdk/gauge'
import type * as stat from '@grafana/grafana-foundation-sdk/stat'
import type * as statushistory from '@grafana/grafana-foundation-sdk/statushistory'
import type * as table from '@grafana/grafana-foundation-sdk/table'
import type * as timeseries from '@grafana/grafana-foundation-sdk/timeseries'
import type * as xychart from '@grafana/grafana-foundation-sdk/xychart'

/** An enum in the SDK is a word in JSON. */
export type Json<T> = 0 extends 1 & T
  ? T
  : T extends string
    ? `${T}`
    : T extends readonly (infer One)[]
      ? Json<One>[]
      : T extends object
        ? { [Key in keyof T]: Json<T[Key]> }
        : T

export const DATASOURCE = { type: 'grafana-postgresql-datasource', uid: 'whoopster' } as const

/** What Grafana's PostgreSQL data source takes; the SDK has no type for it. */
export interface Query {
  refId: string
  datasource: typeof DATASOURCE
  editorMode: 'code'
  rawQuery: true
  format: 'table' | 'time_series'
  rawSql: string
}

export type Mapping = Json<dashboard.ValueMapping>
export type Threshold = Json<dashboard.Threshold>

export interface Override {
  matcher: { id: 'byName' | 'byRegexp'; options: string }
  properties: { id: string; value: unknown }[]
}

/** The SDK takes a field's links for those of a dashboard. */
interface DataLink {
  title: string
  url: string
  targetBlank: boolean
}

interface Fields<Custom> {
  defaults: Omit<Json<dashboard.FieldConfig>, 'custom' | 'links'> & {
    custom?: Partial<Json<Custom>>
    links?: DataLink[]
  }
  overrides: Override[]
}

type PanelOf<Type extends string, Options, Custom> = Omit<
  Json<dashboard.Panel>,
  'type' | 'options' | 'fieldConfig' | 'targets'
> & {
  type: Type
  title: string
  description: string
  options: Json<Options>
  fieldConfig: Fields<Custom>
  targets: Query[]
}

export type Panel =
  | PanelOf<'stat', stat.Options, Record<string, never>>
  | PanelOf<'gauge', gauge.Options, Record<string, never>>
  | PanelOf<'timeseries', timeseries.Options, GraphFieldConfig>
  | PanelOf<'barchart', barchart.Options, barchart.FieldConfig>
  | PanelOf<'xychart', xychart.Options, xychart.FieldConfig>
  | PanelOf<'status-history', statushistory.Options, statushistory.FieldConfig>
  | PanelOf<'table', table.Options, table.FieldConfig>

export type Variable = Json<dashboard.VariableModel>
export type Annotation = Omit<Json<dashboard.AnnotationQuery>, 'target'> & { target?: Query }
export type Link = Json<dashboard.DashboardLink>

export type Dashboard = Omit<Json<dashboard.Dashboard>, 'panels' | 'annotations' | 'templating'> & {
  uid: string
  title: string
  panels: Panel[]
  templating: { list: Variable[] }
  annotations: { list: Annotation[] }
}
